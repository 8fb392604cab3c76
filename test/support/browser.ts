interface Cookie {
  path: string;
  secure: boolean;
  value: string;
}

export interface Page {
  url: string;
  status: number;
  headers: Headers;
  text: string;
}

/** A browser as far as logins need one: cookies by host and path, redirects, forms. */
export class Browser {
  /** host → name → cookie */
  readonly cookies = new Map<string, Map<string, Cookie>>();
  readonly #ask: (request: Request) => Promise<Response>;

  /** @param ask sends a request and follows no redirect */
  constructor(ask: (request: Request) => Promise<Response> = fetch) {
    this.#ask = ask;
  }

  /** One request, as typed into the address bar or sent by a form; redirects are not followed. */
  async send(url: string, form?: Record<string, string>): Promise<Page> {
    const target = new URL(url);
    const headers: Record<string, string> = { accept: 'text/html,application/xml;q=0.9,*/*;q=0.8' };
    const cookie = this.#cookiesFor(target);
    if (cookie !== '') headers.cookie = cookie;
    const response = await this.#ask(
      new Request(target, {
        method: form ? 'POST' : 'GET',
        headers,
        body: form && new URLSearchParams(form),
        redirect: 'manual',
      }),
    );
    for (const line of response.headers.getSetCookie()) this.#store(target, line);
    return { url, status: response.status, headers: response.headers, text: await response.text() };
  }

  /**
   * Follows redirects to a page. What `before` matches is not asked any more, nor is any `.example`: the answer is then the
   * redirect that leads there.
   */
  async go(
    url: string,
    { form, before }: { form?: Record<string, string>; before?: RegExp } = {},
  ): Promise<Page> {
    let page = await this.send(url, form);
    for (let hop = 0; hop < 12 && page.status >= 300 && page.status < 400; hop++) {
      const next = new URL(page.headers.get('location')!, page.url);
      if (next.hostname.endsWith('.example') || before?.test(next.href)) return page;
      page = await this.send(next.href);
    }
    return page;
  }

  /** Fills in the form of a page and sends it. */
  async submit(page: Page, fields: Record<string, string> = {}, before?: RegExp): Promise<Page> {
    const action = /<form[^>]* action="([^"]*)"/.exec(page.text)?.[1];
    if (action === undefined)
      throw new Error(`no form on ${page.url}: ${page.status} ${page.text.slice(0, 500)}`);
    const hidden = [...page.text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)];
    const values = Object.fromEntries(hidden.map(([, name, value]) => [name!, value!]));
    return this.go(new URL(action || page.url, page.url).href, { form: { ...values, ...fields }, before });
  }

  #cookiesFor(target: URL): string {
    const known = this.cookies.get(target.hostname) ?? new Map<string, Cookie>();
    return [...known]
      .filter(([, { path }]) => target.pathname.startsWith(path))
      .filter(([, { secure }]) => !secure || target.protocol === 'https:')
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ');
  }

  #store(target: URL, line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
    const at = pair.indexOf('=');
    const attribute = (name: string) =>
      attributes.find((each) => each.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1);
    const jar = this.cookies.get(target.hostname) ?? new Map<string, Cookie>();
    this.cookies.set(target.hostname, jar);
    const name = pair.slice(0, at);
    const expires = attribute('expires');
    const isOver =
      attribute('max-age') === '0' || (expires !== undefined && Date.parse(expires) < Date.now());
    if (isOver) jar.delete(name);
    else {
      const secure = attributes.some((each) => each.toLowerCase() === 'secure');
      jar.set(name, { path: attribute('path') ?? '/', secure, value: pair.slice(at + 1) });
    }
  }
}
