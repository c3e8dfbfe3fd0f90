export default {
  supervision: {
    empty: '这里还没有内容',
  },
}
