export default {
  one_touch: {
    title: 'One-touch',
    kind: { page: 'Called from the page', device: 'A device asks for help' },
    address: 'Address',
    place: 'Place',
    contact: 'Contact',
    notes: 'Mind',
    ticket: 'Ticket',
  },
}
