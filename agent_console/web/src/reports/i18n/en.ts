export default {
  reports: {
    empty: 'There is nothing here yet',
  },
}
