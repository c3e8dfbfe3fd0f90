export default {
  dispatch: {
    empty: '这里还没有内容',
  },
}
