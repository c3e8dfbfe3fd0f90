export default {
  forward: {
    heading: 'Where this ticket goes',
    do: { answer: 'Answer', dispatch: 'Dispatch', not_accepted: 'Not accepted', pass_on: 'Pass on' },
  },
}
