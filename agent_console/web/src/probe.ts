import { useCall } from './stores/call'
import { usePhone } from './stores/phone'

/** What a browser test may ask of the page: counts and states, nothing about any person. */
export interface Stats {
  inboundPackets: number
  outboundPackets: number
  phone: string
  call: string
}

declare global {
  interface Window {
    __lianxin?: { stats: () => Promise<Stats> }
  }
}

export function exposeStats(): void {
  const phone = usePhone()
  const call = useCall()
  window.__lianxin = {
    async stats() {
      const counted = await packets(phone.softphone.connection)
      return { ...counted, phone: phone.phase, call: call.held ? 'held' : call.phase }
    },
  }
}

async function packets(connection: RTCPeerConnection | null): Promise<Pick<Stats, 'inboundPackets' | 'outboundPackets'>> {
  const counted = { inboundPackets: 0, outboundPackets: 0 }
  for (const report of (await connection?.getStats())?.values() ?? []) {
    if (report.type === 'inbound-rtp') counted.inboundPackets += Number(report.packetsReceived ?? 0)
    if (report.type === 'outbound-rtp') counted.outboundPackets += Number(report.packetsSent ?? 0)
  }
  return counted
}
