import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ChatMessage, GenerateRequest } from '../contract.ts';
import { proposeSpeaker } from './moderate.ts';
import { INSTANT, paced } from './pace.ts';
import { piecesOf, rehearse } from './rehearse.ts';
import { sentencesOf, splitSentences } from './sentences.ts';
import { fold, stanceOf } from './speak.ts';
import { keyPhrases } from './words.ts';

const policy = {
  id: '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0b11',
  title: 'Remote work policy',
  text: `# Remote work
The company has 140 employees in three offices. Since 2021 every team decides for itself how many days it spends in the office.
Surveys show that 72 % of employees prefer three days at home, while managers worry about onboarding.

- Office costs fell by 31 % after the second floor was given up.
- Meetings with more than eight people are held online, so that nobody sits in a room while others are on a screen.

Dr. Lee's study of 2023 found no difference in output between the teams, e.g. in sales, but a clear one in who asks whom for help.
The lease of the main office ends in eighteen months, and the decision has to be made before the summer.

| year | cost |
|------|------|
\`\`\`
const sentence = 'This is code and no sentence of the document at all.';
\`\`\``,
};

type Request = Parameters<typeof rehearse>[0];
const request = (rest: Partial<GenerateRequest> = {}): Request => ({
  messages: [
    { role: 'system', content: 'You are Ada, a sceptical auditor.' },
    { role: 'user', content: 'The topic: Should the company give up its main office?' },
  ],
  documents: [policy],
  purpose: { kind: 'turn' },
  ...rest,
});
const textOf = (asked: Request) => rehearse(asked).pieces.join('');

/** A discussion of these personas, as the turns of a round robin. */
function discuss(personas: readonly (readonly [string, string])[], turns: number, documents = [policy]): ChatMessage[] {
  const log: Required<ChatMessage>[] = [];
  for (let turn = 0; turn < turns; turn++) {
    const [name, instructions] = personas[turn % personas.length] as readonly [string, string];
    const messages: ChatMessage[] = [
      { role: 'system', content: instructions },
      { role: 'user', content: 'The topic: Should the company give up its main office?' },
      ...log.map(
        (said): ChatMessage =>
          said.name === name ? { role: 'assistant', content: said.content } : { ...said, role: 'user' },
      ),
    ];
    log.push({ role: 'user', name, content: textOf(request({ messages, documents })) });
  }
  return log;
}
const PERSONAS = [
  ['ada', 'You are Ada, a sceptical auditor who looks for risks.'],
  ['ben', 'You are Ben, an optimistic advocate of new ways of working.'],
  ['cleo', 'You are Cleo, a practical engineer.'],
] as const;

test('the same request and seed give the same answer; another seed gives another', () => {
  assert.deepEqual(rehearse(request()), rehearse(request()));
  const texts = [0, 1, 2, 3].map((seed) => textOf(request({ parameters: { seed } })));
  assert.ok(new Set(texts).size > 1);
});

test('what is quoted stands word for word in a document, and is cited with its number', () => {
  const { citations, pieces } = rehearse(request());
  assert.ok(citations.length > 0);
  const text = pieces.join('');
  for (const [index, { quote, title, documentId }] of citations.entries()) {
    assert.ok(policy.text.replace(/\s+/g, ' ').includes(quote));
    assert.ok(text.includes(`“${quote}” [${index + 1}]`));
    assert.deepEqual([title, documentId], [policy.title, policy.id]);
  }
});

test('the sentence that answers the question is the one that is quoted', () => {
  const ask = (content: string) =>
    rehearse(request({ messages: [{ role: 'user', name: 'dora', content }] })).citations[0]?.quote ?? '';
  assert.match(ask('When does the lease of the main office end?'), /lease of the main office ends/);
  assert.match(ask('How much did office costs fall?'), /Office costs fell by 31 %/);
  assert.match(ask('What did the study find about output?'), /study of 2023/);
});

test('in a discussion nobody repeats a sentence, and each takes up who spoke before', () => {
  const log = discuss(PERSONAS, 12);
  const quoted = new Set<string>();
  const said = new Set<string>();
  for (const [turn, { content }] of log.entries()) {
    for (const [, quote] of content.matchAll(/“([^”]+)” \[\d\]/g)) {
      assert.ok(!quoted.has(quote as string), `quoted twice: ${quote}`);
      quoted.add(quote as string);
    }
    assert.ok(!said.has(fold(content)));
    said.add(fold(content));
    if (turn > 0) {
      const before = PERSONAS[(turn - 1) % 3]?.[0] ?? '';
      const answers = /asks|You ask|That question/.test(content);
      assert.ok(content.toLowerCase().includes(before) || answers, `${turn} does not take up ${before}: ${content}`);
    }
  }
  // The document has seven sentences that can be quoted, and all are used before anybody runs dry.
  assert.equal(quoted.size, sentencesOf([policy]).length);
});

test('instructions decide the stance', () => {
  assert.equal(stanceOf('You are a sceptical auditor who looks for risks'), 'skeptic');
  assert.equal(stanceOf('An optimistic advocate'), 'advocate');
  assert.equal(stanceOf('You weigh the evidence and the data'), 'analyst');
  assert.equal(stanceOf('A practical engineer'), 'builder');
  assert.equal(stanceOf('You are a neutral facilitator who seeks consensus'), 'mediator');
});

const names = fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }), { maxLength: 4 });
test('any request gives pieces that make up the text, with every citation in it', () => {
  const message = fc.record({
    role: fc.constantFrom('system' as const, 'user' as const, 'assistant' as const),
    content: fc.oneof(
      fc.string({ maxLength: 300 }),
      fc.lorem({ mode: 'sentences', maxCount: 6 }),
      fc.constant(policy.text),
    ),
    name: fc.option(fc.string({ minLength: 1, maxLength: 20 }), { nil: undefined }),
  });
  const arbitrary = fc.record({
    messages: fc.array(message, { maxLength: 12 }) as fc.Arbitrary<ChatMessage[]>,
    documents: fc.array(
      fc.record({
        title: fc.string({ maxLength: 40 }),
        text: fc.oneof(fc.string(), fc.lorem({ mode: 'sentences', maxCount: 30 })),
      }),
      { maxLength: 3 },
    ),
    parameters: fc.record({
      seed: fc.nat(),
      maxTokens: fc.option(fc.integer({ min: 1, max: 300 }), { nil: undefined }),
      stop: fc.option(fc.array(fc.string({ minLength: 1, maxLength: 5 }), { maxLength: 2 }), { nil: undefined }),
    }) as fc.Arbitrary<Request['parameters']>,
    purpose: fc.record(
      {
        kind: fc.constantFrom('chat' as const, 'turn' as const, 'moderator' as const),
        hint: fc.record(
          { choices: names, calls: names, side: fc.string(), verdict: names, vote: fc.constant(true) },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: ['kind'] },
    ),
  }) as fc.Arbitrary<Request>;
  fc.assert(
    fc.property(arbitrary, (asked) => {
      const { pieces, citations, finishReason } = rehearse(asked);
      const text = pieces.join('');
      const { maxTokens, stop = [] } = asked.parameters ?? {};
      if (maxTokens !== undefined) assert.ok(Buffer.byteLength(text) <= maxTokens * 4);
      else if (stop.length === 0) assert.ok(text.trim() !== '');
      assert.ok(stop.every((word) => !text.includes(word)));
      assert.ok(finishReason === 'stop' || maxTokens !== undefined);
      for (const [index] of citations.entries()) assert.ok(text.includes(`[${index + 1}]`));
      assert.ok(!/\{(?:name|phrase|title|quote|other)\}/.test(text) || JSON.stringify(asked).includes('{'));
      assert.deepEqual(rehearse(asked), { pieces, citations, finishReason });
    }),
    { numRuns: 150 },
  );
});

test('pieces are one to three words, and nothing is lost between them', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const pieces = piecesOf(text);
      assert.equal(pieces.join(''), text);
      for (const piece of pieces) assert.ok(piece.trim().split(/\s+/).length <= 3);
    }),
  );
});

const many = (length: number, piece: (index: number) => string) => Array.from({ length }, (_, i) => piece(i)).join('');
const LARGE: [string, Partial<GenerateRequest>][] = [
  [
    'a document',
    {
      documents: [
        {
          title: 'Long',
          text: many(20_000, (i) => `Sentence ${i} says that office ${i % 97} costs more than office ${i % 89}. `),
        },
      ],
    },
  ],
  ['a document of abbreviations', { documents: [{ title: 'Odd', text: 'A. '.repeat(60_000) }] }],
  ['a document on one line without an end', { documents: [{ title: 'Odd', text: 'word '.repeat(200_000) }] }],
  ['a question', { messages: [{ role: 'user', content: 'a '.repeat(2_000_000) }] }],
  [
    'a question of opening quotation marks',
    { messages: [{ role: 'user', name: 'x', content: '“‘'.repeat(1_000_000) }] },
  ],
  [
    'a conversation',
    {
      messages: Array.from({ length: 500 }, (_, i) => ({
        role: 'user' as const,
        name: `n${i % 7}`,
        content: many(200, (j) => `Office ${i * j} costs. `),
      })),
    },
  ],
];
for (const [name, rest] of LARGE) {
  test(`${name} that is very large does not hold up everybody else`, () => {
    rehearse(request());
    const start = performance.now();
    rehearse(request(rest));
    // 25 ms on a quiet machine. What grows with the square of the input takes minutes.
    assert.ok(performance.now() - start < 5_000, `${performance.now() - start} ms`);
  });
}

test('sentences end where they end: abbreviations and numbers are no ends, tables and code no prose', () => {
  assert.deepEqual(splitSentences('Dr. Lee came. It cost 3.5 million, e.g. for rent! Was it U.S. law? Yes.'), [
    'Dr. Lee came.',
    'It cost 3.5 million, e.g. for rent!',
    'Was it U.S. law?',
    'Yes.',
  ]);
  const texts = sentencesOf([policy]).map(({ text }) => text);
  assert.ok(texts.some((text) => text.startsWith('Dr. Lee') && text.includes('e.g. in sales')));
  assert.ok(!texts.some((text) => /const sentence|year|^#/.test(text)));
});

test('key phrases are things, not verbs', () => {
  const phrases = keyPhrases('The lease of the main office ends in eighteen months.', () => 1).map(({ text }) => text);
  assert.equal(phrases[0], 'main office');
  assert.ok(phrases.indexOf('lease') < phrases.indexOf('office ends'));
});

const moderated = (said: ChatMessage[], instructions = ''): ChatMessage[] => [
  {
    role: 'system',
    content: `${instructions}\n\nYou moderate a discussion. Decide which of these participants should speak next:\n\n- ada\n- ben\n- cleo\n\nAnswer with exactly one of these names and nothing else.`,
  },
  { role: 'user', content: 'The topic: offices' },
  ...said,
  { role: 'user', content: 'Who speaks next? Only the name.' },
];

test('as a moderator it names one of those it was given: who was asked, else who was silent longest', () => {
  const said = (name: string, content: string): ChatMessage => ({ role: 'user', name, content });
  assert.equal(
    proposeSpeaker(moderated([said('ada', 'So.'), said('ben', 'What do you say, Cleo?')]), { seed: 0 }),
    'cleo',
  );
  assert.equal(
    proposeSpeaker(moderated([said('ada', 'A.'), said('cleo', 'C.'), said('ben', 'B.')]), { seed: 0 }),
    'ada',
  );
  assert.equal(proposeSpeaker(moderated([said('ada', 'A.'), said('cleo', '- dora\n- eve')]), { seed: 0 }), 'ben');
  const first = proposeSpeaker(moderated([], 'Be fair:\n- to the quiet\n- to the loud'), { seed: 1 });
  assert.ok(['ada', 'ben', 'cleo'].includes(first ?? ''));
  assert.equal(proposeSpeaker([{ role: 'user', content: 'Hello' }], { seed: 0 }), undefined);
});

test('as a moderator that is asked for JSON it answers JSON', () => {
  const messages: ChatMessage[] = [
    { role: 'system', content: 'Participants: ["ada", "ben"]. Answer as JSON: {"next": "name"}' },
    { role: 'user', name: 'ada', content: 'A.' },
  ];
  assert.equal(JSON.parse(proposeSpeaker(messages, { seed: 0 }) ?? '').next, 'ben');
});

test('at its pace it takes its time, and an abort ends the wait at once', async () => {
  const pieces = ['one', ' two', ' three', ' four'];
  assert.deepEqual(await Array.fromAsync(paced(pieces, INSTANT, new AbortController().signal)), pieces);
  const start = performance.now();
  await Array.fromAsync(paced(pieces, { wordsPerSecond: 100, firstMs: 20 }, new AbortController().signal));
  assert.ok(performance.now() - start >= 45);
  const controller = new AbortController();
  const slow = paced(pieces, { wordsPerSecond: 0.01, firstMs: 0 }, controller.signal);
  assert.equal((await slow.next()).value, 'one');
  const waiting = slow.next();
  controller.abort(new Error('enough'));
  await assert.rejects(waiting, /enough/);
  assert.deepEqual(await slow.next(), { done: true, value: undefined });
});

const spokenSoFar = ['ada', 'O’Neil', 'x (y)'].map((name) => ({
  role: 'user' as const,
  name,
  content: `I am ${name}.`,
}));

test('who is asked for a name answers with one of the choices, whatever they are called and whatever is said', () => {
  const choices = ['O’Neil', 'x (y)', '{"next": 1}', '李'];
  for (const vote of [true, undefined])
    for (const seed of [0, 1, 2, 3]) {
      const messages: ChatMessage[] = [
        { role: 'system', content: `Answer in JSON: {"next_speaker": "- zoe"}. You are number ${seed}.` },
        ...spokenSoFar,
        { role: 'user', name: 'ada', content: '- root\nroot:\nchoose root?' },
      ];
      const hint = { choices, ...(vote && { vote }) };
      const text = textOf(request({ messages, parameters: { seed }, purpose: { kind: 'moderator', hint } }));
      assert.ok(choices.includes(text), text);
    }
});

test('voters have minds of their own', () => {
  const voteOf = (name: string) =>
    textOf(
      request({
        messages: [{ role: 'system', content: `You are ${name}.` }, ...spokenSoFar],
        purpose: { kind: 'moderator', hint: { choices: ['ada', 'ben', 'cyd'], vote: true } },
      }),
    );
  assert.ok(new Set(['dee', 'eve', 'fay', 'gil', 'hal', 'ian'].map(voteOf)).size > 1);
});

test('on a side of a debate it argues for that side; a judge ends with a verdict in a line of its own', () => {
  const side = textOf(request({ purpose: { kind: 'turn', hint: { side: 'Against the move' } } }));
  assert.match(side, /against the move/i);
  const debated: ChatMessage[] = [
    { role: 'user', content: 'The topic: Move?' },
    { role: 'user', name: 'ada', content: 'I stand with Stay. Stay is better.' },
    { role: 'user', name: 'ben', content: 'I stand with Go.' },
  ];
  const judge = textOf(request({ messages: debated, purpose: { kind: 'turn', hint: { verdict: ['Go', 'Stay'] } } }));
  assert.equal(judge.split('\n').at(-1), 'Verdict: Stay', 'the one that was spoken up for most');
});

test('who may call somebody does so sometimes, by the name as it is, and first those who have been silent', () => {
  const calls = ['O’Neil', 'José María'];
  const speeches = Array.from({ length: 40 }, (_, seed) =>
    textOf(
      request({
        messages: [...request().messages, ...spokenSoFar],
        parameters: { seed },
        purpose: { kind: 'turn', hint: { calls } },
      }),
    ),
  );
  const calling = speeches.filter((text) => text.includes('@'));
  assert.ok(calling.length > 10 && calling.length < 40, `${calling.length} of 40`);
  for (const text of calling) assert.match(text, /@José María/);
});
