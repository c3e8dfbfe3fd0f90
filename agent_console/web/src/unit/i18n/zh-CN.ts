export default {
  unit: {
    empty: '这里还没有内容',
  },
}
