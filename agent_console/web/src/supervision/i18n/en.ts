export default {
  supervision: {
    empty: 'There is nothing here yet',
  },
}
