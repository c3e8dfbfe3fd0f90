/// <reference types="vite/client" />

declare module 'swagger-ui-dist/swagger-ui-es-bundle.js' {
  interface SwaggerUiOptions {
    url: string
    domNode: HTMLElement
    deepLinking?: boolean
    validatorUrl?: null
    docExpansion?: 'list' | 'full' | 'none'
    supportedSubmitMethods?: string[]
  }
  const SwaggerUi: (options: SwaggerUiOptions) => unknown
  export default SwaggerUi
}

declare module 'element-plus/es/locale/lang/*'
