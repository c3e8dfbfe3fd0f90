import typescript from 'typescript-eslint'

export default typescript.config(
  { ignores: ['.build/', 'node_modules/'] },
  ...typescript.configs.strict,
  ...typescript.configs.stylistic,
  {
    rules: {
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-new-func': 'error',
    },
  },
)
