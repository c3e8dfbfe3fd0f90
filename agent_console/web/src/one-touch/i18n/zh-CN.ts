export default {
  one_touch: {
    title: '一键通',
    kind: { page: '网页一键呼叫', device: '一键通设备求助' },
    address: '地址',
    place: '位置',
    contact: '联系人',
    notes: '须知',
    ticket: '工单',
  },
}
