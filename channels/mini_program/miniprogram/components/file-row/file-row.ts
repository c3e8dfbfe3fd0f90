import { words } from '../../words/index'

/** A picture or video of the report, which can be taken away again. Tells `remove` with the picture's key. */
Component({
  options: { styleIsolation: 'apply-shared' },
  properties: {
    picture: { type: Object, value: {} as { key?: string; path?: string; video?: boolean; id?: number | null } },
    elder: { type: Boolean, value: false },
  },
  data: { t: words() },
  methods: {
    remove() {
      this.triggerEvent('remove', { key: this.data.picture.key })
    },
  },
})
