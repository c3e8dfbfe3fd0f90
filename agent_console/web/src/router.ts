import { createRouter, createWebHashHistory } from 'vue-router'

import CallWork from './desk/CallWork.vue'
import CounterWork from './desk/CounterWork.vue'
import NothingChosen from './desk/NothingChosen.vue'
import TalkWork from './talk/TalkWork.vue'
import TicketPage from './ticket/TicketPage.vue'

const number = (value: unknown) => Number(value)

/** What lies in the work area. The address keeps it over a reload and for the browser's Back. */
export const router = createRouter({
  history: createWebHashHistory(),
  routes: [
    { path: '/', name: 'nothing', component: NothingChosen },
    { path: '/calls/:id(\\d+)', name: 'call', component: CallWork, props: (to) => ({ id: number(to.params.id) }) },
    { path: '/tickets/:id(\\d+)', name: 'ticket', component: TicketPage, props: (to) => ({ id: number(to.params.id) }) },
    { path: '/talks/:id(\\d+)', name: 'talk', component: TalkWork, props: (to) => ({ id: number(to.params.id) }) },
    { path: '/new', name: 'counter', component: CounterWork },
    { path: '/:rest(.*)*', redirect: '/' },
  ],
})
