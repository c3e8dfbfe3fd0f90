import { afterEach } from 'vitest'

import { quiet } from './wechat'

afterEach(quiet)
