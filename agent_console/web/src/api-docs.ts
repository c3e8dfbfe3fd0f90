import SwaggerUi from 'swagger-ui-dist/swagger-ui-es-bundle.js'

import 'swagger-ui-dist/swagger-ui.css'

const reader = document.querySelector<HTMLElement>('#reader')
if (reader !== null) {
  SwaggerUi({
    url: '/api/v1/openapi.json',
    domNode: reader,
    deepLinking: true,
    // The validator badge would send the address of this city's server to a stranger.
    validatorUrl: null,
    // Reading only: a console session must not be used to place calls from a documentation page.
    supportedSubmitMethods: [],
  })
}
