import { describe, expect, it } from 'vitest';
import {
  agentEnvironment,
  escapeTemplate,
  fillEnvironment,
  fillTemplate,
  unknownPorts,
} from '../../src/model/template.js';
import fc from '../fast-check.js';

const facts = { id: 'web', incarnation: 3, ports: { http: 8100, admin: 8101 } };

describe('escapeTemplate', () => {
  it('makes a text of which filling makes the same text again', () => {
    const env = { A: 'b' };
    const part = fc.constantFrom('{', '}', '{{', '}}', 'id', 'port', 'port:web', 'env:A', 'incarnation', '{id}', ' ');
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const text = parts.join('');
        expect(fillTemplate(escapeTemplate(text), { ...facts, env })).toBe(text);
      }),
    );
  });
});

describe('fillTemplate', () => {
  it.each([
    ['--port={port}', '--port=8100'],
    ['{port:admin}/{port:http}', '8101/8100'],
    ['{id}-{incarnation}', 'web-3'],
    ['{{port}} {{port:admin}} {{id}}', '{port} {port:admin} {id}'],
    ['{{port}', '{8100'],
    ['{"a":{"b":{"id":1}}}', '{"a":{"b":{"id":1}}}'],
    ['{{ user }} {{user}} $HOME {} {{}}', '{{ user }} {{user}} $HOME {} {{}}'],
    ['listen({port:8080})', 'listen({port:8080})'],
    ['{port:none} {port:toString} {ports} { port }', '{port:none} {port:toString} {ports} { port }'],
  ])('makes %s into %s', (text, filled) => {
    expect(fillTemplate(text, facts)).toBe(filled);
  });

  it('fills {env:NAME} from the environment that it is given, and leaves unknown names alone', () => {
    const env = { TOKEN: '{id}' };
    expect(fillTemplate('--token={env:TOKEN} {{env:TOKEN}} {env:toString}', { ...facts, env })).toBe(
      '--token={id} {env:TOKEN} {env:toString}',
    );
    expect(fillTemplate('{env:TOKEN}', facts)).toBe('{env:TOKEN}');
  });

  it('leaves {port} alone when there is no port', () => {
    expect(fillTemplate('{port}', { ...facts, ports: {} })).toBe('{port}');
  });

  it('does not fill placeholders in filled values', () => {
    expect(fillTemplate('{id}', { ...facts, id: '{port}' })).toBe('{port}');
  });

  it('leaves every text without a placeholder alone', () => {
    fc.assert(
      fc.property(fc.json(), fc.string(), (json, text) => {
        fc.pre(!/\{(port|id|incarnation|env)/.test(text + json));
        expect(fillTemplate(text + json, facts)).toBe(text + json);
      }),
    );
  });

  it('can write every text: doubled placeholders come out single', () => {
    const words = fc.constantFrom('{port}', '{port:http}', '{id}', '{incarnation}', 'a', ' ', '"');
    fc.assert(
      fc.property(fc.array(words), (parts) => {
        const written = parts.map((part) => (part.startsWith('{') ? `{${part}}` : part)).join('');
        expect(fillTemplate(written, facts)).toBe(parts.join(''));
      }),
    );
  });

  it('fills the values of an environment, not the names', () => {
    expect(fillEnvironment({ URL: 'http://localhost:{port}', '{id}': 'x' }, facts)).toEqual({
      URL: 'http://localhost:8100',
      '{id}': 'x',
    });
  });
});

describe('unknownPorts', () => {
  it('finds placeholders of ports that are not there', () => {
    expect(unknownPorts('{port} {port:b} {{port:c}} {id}', ['a'])).toEqual(['{port:b}']);
    expect(unknownPorts('{port} {port:b}', ['a', 'b'])).toEqual([]);
    expect(unknownPorts('{port}', [])).toEqual(['{port}']);
  });
});

describe('agentEnvironment', () => {
  const whole = { ...facts, path: 'root/web', token: 't0', endpoint: 'ipc:///run/s.sock' };

  it('gives an agent its id, path, incarnation and token', () => {
    expect(agentEnvironment(whole)).toEqual({
      SUPERTREE_AGENT_ID: 'web',
      SUPERTREE_AGENT_PATH: 'root/web',
      SUPERTREE_INCARNATION: '3',
      SUPERTREE_TOKEN: 't0',
      SUPERTREE_ENDPOINT: 'ipc:///run/s.sock',
      PORT: '8100',
      PORT_HTTP: '8100',
      PORT_ADMIN: '8101',
    });
  });

  it('leaves out variables without a value', () => {
    const names = Object.keys(agentEnvironment({ ...whole, ports: {}, endpoint: null }));
    expect(names).toEqual(['SUPERTREE_AGENT_ID', 'SUPERTREE_AGENT_PATH', 'SUPERTREE_INCARNATION', 'SUPERTREE_TOKEN']);
  });
});
