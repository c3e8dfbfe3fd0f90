export default {
  forward: {
    heading: '这张工单去哪里',
    do: { answer: '直接答复', dispatch: '派单', not_accepted: '不予受理', pass_on: '转交' },
  },
}
