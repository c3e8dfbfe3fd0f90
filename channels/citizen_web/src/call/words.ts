import { computed } from 'vue'

import { language } from '@/i18n'

const zh = {
  heading: (hotline: string) => `一键呼叫 ${hotline}`,
  lead: '用网络直接与话务员通话，不花话费。请在安静的地方使用，戴耳机更清楚。',
  about: '这次要问哪件事？',
  aboutNone: '一件新的事',
  phone: (number: string) => `用 ${number} 呼叫，断线后话务员能回拨给我`,
  place: '把我的位置告诉话务员',
  placeHint: '遇到紧急情况，话务员能更快找到您。位置只用于这次通话。',
  locating: '正在定位…',
  located: '位置已附上',
  notLocated: '没能取得位置，可在通话中说明地址',
  start: '立即呼叫',
  emergency: '有人身危险或火情，请直接拨打 110、119 或 120。',
  preparing: '请允许使用麦克风…',
  calling: '正在呼叫…',
  talking: '已接通',
  talkingHint: '话务员接听前会播放音乐，请稍候，不要离开本页。',
  mute: '静音',
  unmute: '取消静音',
  hangUp: '挂断',
  over: '通话已结束',
  again: '再次呼叫',
  dial: (hotline: string) => `改用电话拨打 ${hotline}`,
  failures: {
    '': '',
    microphone: '不能使用麦克风。请在浏览器设置中允许本页使用麦克风，或直接拨打电话。',
    unsupported: '这个浏览器不支持网络通话，请直接拨打电话。',
    busy: '线路繁忙，没有接通。请稍后再试，或直接拨打电话。',
    lost: '网络不稳定，没有接通。请换个网络再试，或直接拨打电话。',
  },
}

const en: typeof zh = {
  heading: (hotline) => `Call ${hotline}`,
  lead: 'Talk with an agent over the internet, free of charge. A quiet place and headphones help.',
  about: 'What is it about?',
  aboutNone: 'Something new',
  phone: (number) => `Call as ${number}, so that I can be called back`,
  place: 'Tell the agent where I am',
  placeHint: 'In an emergency you are found sooner. It is used for this call only.',
  locating: 'Finding your place…',
  located: 'Your place goes along',
  notLocated: 'Your place could not be found: say the address in the call',
  start: 'Call now',
  emergency: 'If somebody is in danger, or for fire: dial 110, 119 or 120.',
  preparing: 'Please allow the microphone…',
  calling: 'Calling…',
  talking: 'Connected',
  talkingHint: 'Music plays until an agent answers: please wait and stay on this page.',
  mute: 'Mute',
  unmute: 'Unmute',
  hangUp: 'Hang up',
  over: 'The call is over',
  again: 'Call again',
  dial: (hotline) => `Dial ${hotline} instead`,
  failures: {
    '': '',
    microphone: 'The microphone cannot be used. Allow it for this page in the browser’s settings, or dial.',
    unsupported: 'This browser cannot make calls, please dial.',
    busy: 'All lines are busy. Try again shortly, or dial.',
    lost: 'The network did not hold. Try another one, or dial.',
  },
}

export const words = computed(() => (language.value === 'en' ? en : zh))
