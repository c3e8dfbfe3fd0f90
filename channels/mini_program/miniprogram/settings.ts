/** What a city sets before it uploads the mini program. */
export const SETTINGS = {
  /** Where the hotline's server is; registered in WeChat's console under 开发管理 → 服务器域名 for request, uploadFile and downloadFile. */
  server: 'https://12345.example.gov.cn',
}
