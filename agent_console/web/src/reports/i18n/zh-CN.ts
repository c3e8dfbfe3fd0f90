export default {
  reports: {
    empty: '这里还没有内容',
  },
}
