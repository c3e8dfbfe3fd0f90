export default {
  same: {
    title: '可能是同一人',
    title_joined: '同一人',
    history: '以前的来访',
    no_history: '没有以前的来访',
    ground: {
      typed_number: '留下过同一号码',
      callback_number: '要求回电到同一号码',
      area_code: '同一座机，区号写法不同',
      unionid: '微信确认为同一用户',
    },
    known: { openid: '微信', unionid: '微信', mail: '邮箱', device: '一键通', account: '其他平台' },
    visits: '来访 {count} 次',
    confirm: '是同一人',
    dismiss: '不是',
    undo: '撤销合并',
    restore: '改为同一人',
    sure: '撤销后，两人的来访和工单各归各自。',
    joined: '已合并，历史一并显示',
    apart: '已标为不同的人',
    done: { confirm: '已合并为同一人，可随时撤销', dismiss: '已标为不同的人', undo: '已撤销合并，记录各归各自' },
  },
}
