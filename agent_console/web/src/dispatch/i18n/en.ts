export default {
  dispatch: {
    empty: 'There is nothing here yet',
  },
}
