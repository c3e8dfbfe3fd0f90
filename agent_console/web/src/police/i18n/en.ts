export default {
  police: {
    title: 'Police 110',
    hand_over: 'To 110',
    sure: 'Sends the caller’s number, the time and what you have typed to 110 at once, and rings 110 into this call. Once 110 has answered you may hang up: citizen and 110 go on talking.',
    sure_ticket: 'Sends the matter to 110. Until 110 accepts it, it stays ours.',
    ring: 'Send and ring 110',
    data_only: 'Send only',
    emergency: 'Life or property in danger',
    cancel: 'Stop ringing',
    dismiss: 'Let 110 go',
    leave: 'I leave, they go on',
    resend: 'Send again',
    said_ring: 'Handed to 110, ringing',
    said_data: 'Sent to 110',
    not_rung: 'It was sent to 110, but 110 could not be rung: dial 110 yourself',
    failed: '110 was not reached: {why}. The matter was sent; try again or dial 110',
    undelivered: 'The 110 platform has not taken it: ring 110, then send it again',
    with: 'now with {holder}',
    state: { calling: 'Ringing 110…', joined: 'Three on the line: citizen, you, 110', alone: 'Citizen and 110 are talking' },
    reason: {
      busy: 'busy', no_answer: 'no answer', refused: 'refused', no_such_number: 'no such number', network: 'line fault', unreachable: 'unreachable',
    },
    matter: {
      offered: 'being sent', received: '110 has it, not yet accepted', accepted: 'accepted by 110 {number}', refused: 'refused', finished: 'finished {number}',
    },
    way: { inbound: 'From 110', outbound: 'To 110' },
    holder: { hotline: '12345', police: '110', both: '12345 and 110' },
    step: {
      offered: 'Handed over', received: 'Received', accepted: 'Accepted', refused: 'Refused', finished: 'Result', reopened: 'Reopened', supplemented: 'More became known',
      call_rung: '110 rung', call_joined: 'Three on the line', call_failed: '110 not reached', agent_left: 'Agent left', call_ended: '110’s call ended', undelivered: 'Could not be sent',
    },
  },
}
