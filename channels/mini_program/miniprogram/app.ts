import { resume } from './report/sending'

App({
  onLaunch() {
    // What could not be sent when the network was lost goes as soon as it is back.
    wx.onNetworkStatusChange(({ isConnected }) => {
      if (isConnected) void resume()
    })
  },
  onShow() {
    void resume()
  },
})
