import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const LINK = /\[[^\]]*\]\(([^)\s]+)\)/g;
const HEADING = /^#+ (.*)$/gm;

/** The links of a page, within the package, that lead nowhere: no such file, or no such heading in it. */
export function brokenLinks(root: string, page: string): string[] {
  const file = join(root, page);
  const links = [...proseOf(file).matchAll(LINK)].map(([, target = '']) => target);
  return links
    .filter((target) => !/^[a-z]+:/.test(target) && !leadsSomewhere(file, target))
    .map((target) => `${page}: ${target}`);
}

function leadsSomewhere(from: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const to = path === '' ? from : join(dirname(from), path);
  if (!existsSync(to) || relative(dirname(from), to).startsWith('../..')) return false;
  return anchor === undefined || anchorsOf(to).includes(anchor);
}

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf(file: string): string[] {
  return [...proseOf(file).matchAll(HEADING)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** The text of a page without what is code. */
function proseOf(file: string): string {
  return readFileSync(file, 'utf8')
    .replace(/^```[\s\S]*?^```$/gm, '')
    .replace(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]()]/g, ''));
}
