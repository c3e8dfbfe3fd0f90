export default {
  police: {
    title: '110 联动',
    hand_over: '转110',
    sure: '立即把来电号码、通话时间和已填写的内容发给 110，并呼叫 110 加入当前通话。110 接通后您可以挂机，市民与 110 继续通话。',
    sure_ticket: '把诉求内容发给 110。对方受理前，本工单仍由我们负责。',
    ring: '发送并呼叫 110',
    data_only: '只发送内容',
    emergency: '危及生命财产（紧急）',
    cancel: '取消呼叫',
    dismiss: '请 110 退出',
    leave: '我退出，市民与 110 继续',
    resend: '重新发送',
    said_ring: '已转 110，正在呼叫',
    said_data: '已把内容发给 110',
    not_rung: '内容已发给 110，但未能呼叫 110，请直接拨打 110',
    failed: '110 未接通：{why}。内容已发送，可重试或直接拨打 110',
    undelivered: '110 平台一直没有接收，请电话联系 110 后重新发送',
    with: '现由{holder}负责',
    state: { calling: '正在呼叫 110…', joined: '三方通话中：市民、我、110', alone: '市民与 110 通话中' },
    reason: {
      busy: '占线', no_answer: '无人接听', refused: '对方拒绝', no_such_number: '号码不存在', network: '线路故障', unreachable: '无法接通',
    },
    matter: {
      offered: '内容正在发送', received: '110 已收到，待受理', accepted: '110 已受理 {number}', refused: '已退回', finished: '已处置完毕 {number}',
    },
    way: { inbound: '110 转来', outbound: '转往 110' },
    holder: { hotline: '12345', police: '110', both: '12345 与 110' },
    step: {
      offered: '发起移交', received: '对方已收到', accepted: '受理', refused: '退回', finished: '办结反馈', reopened: '重新办理', supplemented: '补充情况',
      call_rung: '呼叫 110', call_joined: '三方通话', call_failed: '110 未接通', agent_left: '话务员退出', call_ended: '110 通话结束', undelivered: '多次发送未成功',
    },
  },
}
