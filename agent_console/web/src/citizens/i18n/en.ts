export default {
  same: {
    title: 'Perhaps the same person',
    title_joined: 'The same person',
    history: 'Earlier contacts',
    no_history: 'No earlier contacts',
    ground: {
      typed_number: 'Gave the same number',
      callback_number: 'Asked to be called at the same number',
      area_code: 'The same landline, with and without its area code',
      unionid: 'WeChat knows them as one person',
    },
    known: { openid: 'WeChat', unionid: 'WeChat', mail: 'Mail', device: 'One-touch', account: 'Other platform' },
    visits: '{count} contacts',
    confirm: 'Same person',
    dismiss: 'No',
    undo: 'Undo',
    restore: 'Same after all',
    sure: 'Each then has his own contacts and tickets again.',
    joined: 'Joined: one history',
    apart: 'Marked as different people',
    done: { confirm: 'Joined as one person; it can be undone at any time', dismiss: 'Marked as different people', undo: 'Undone: each has his own records again' },
  },
}
