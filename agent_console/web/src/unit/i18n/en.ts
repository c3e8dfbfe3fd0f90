export default {
  unit: {
    empty: 'There is nothing here yet',
  },
}
