import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import ts from 'typescript'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where the mini program lies as WeChat's tool would compile it. */
    built: string
  }
}

/** Compiles the mini program as WeChat's tool does: every TypeScript file becomes a script beside its template. */
export function build(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lianxin-mini-'))
  cpSync('miniprogram', folder, { recursive: true })
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((one) => one.endsWith('.ts'))) {
    const source = join(folder, name)
    const { outputText } = ts.transpileModule(readFileSync(source, 'utf8'), {
      compilerOptions: { target: ts.ScriptTarget.ES2020, module: ts.ModuleKind.CommonJS },
    })
    writeFileSync(source.replace(/\.ts$/, '.js'), outputText)
    rmSync(source)
  }
  return folder
}

export default function setup(project: TestProject) {
  const folder = build()
  project.provide('built', folder)
  return () => { rmSync(folder, { recursive: true }) }
}
