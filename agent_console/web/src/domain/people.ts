/** A person as colleagues know him: name and 工号; the number alone where nobody knows the name. */
export function calledBy(people: Readonly<Record<string, string>> | undefined, number: string): string {
  const name = people?.[number]
  return name === undefined ? number : `${name} ${number}`
}
