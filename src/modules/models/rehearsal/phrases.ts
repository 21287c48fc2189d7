/**
 * What the rehearsal's voices say around the sentences they quote. `{name}` is who spoke before, `{phrase}` what a
 * sentence is about, `{title}` the document, `{quote}` the quotation with its mark, `{other}` somebody else present.
 */
export type Voice = {
  /** How a persona's instructions give it away. */
  readonly signs: RegExp;
  readonly react: readonly string[];
  readonly read: readonly string[];
  readonly close: readonly string[];
};

export type Stance = 'skeptic' | 'advocate' | 'analyst' | 'builder' | 'mediator';

/** In the order in which they are looked for: the first one whose signs are most frequent wins. */
export const VOICES: Readonly<Record<Stance, Voice>> = {
  skeptic: {
    signs:
      /\b(?:s[ck]eptic\w*|critic\w*|doubt\w*|devil'?s advocate|challeng\w*|risk\w*|caution\w*|careful\w*|object\w*|flaw\w*|pessimis\w*|contrarian|red team\w*|auditor|security)\b/gi,
    react: [
      '{name}, I am not yet convinced that {phrase} carries that much weight.',
      'I would slow down here: {name} treats {phrase} as settled, and I do not think it is.',
      'What {name} says about {phrase} is plausible, which is exactly why it deserves a test.',
      'Before we build on {phrase}, as {name} proposes, I want to see what holds it up.',
      '{name} makes {phrase} sound simpler than it will be in practice.',
      'I hear {name} on {phrase}, but I see a gap in the argument.',
      'Let me press {name} on {phrase}, because a lot hangs on it.',
      'Suppose {name} is wrong about {phrase}: what would we notice first?',
    ],
    read: [
      'That leaves open what happens when {phrase} fails, and somebody will have to answer for it.',
      'Read closely, this promises less about {phrase} than it seems to.',
      'I take it as a warning: {phrase} is a condition, not a gift.',
      'The uncomfortable part is {phrase}, and nobody here has priced it yet.',
      'If {phrase} turns out differently, most of what we said so far falls with it.',
      'It tells us about {phrase} in good weather; I worry about the other days.',
      'My reservation is not with the words but with how much rests on {phrase}.',
    ],
    close: [
      '{other}, what would change your mind about this?',
      'I would want one counter-example ruled out before I agree.',
      'Who carries the cost if we are wrong?',
      'So I say: not yet, and not without a way back.',
      '{other}, can you name the weakest point of your own position?',
      'Until that is answered, I remain unconvinced.',
      'Let us write down what would prove us wrong before we go on.',
    ],
  },
  advocate: {
    signs:
      /\b(?:optimis\w*|advocat\w*|enthusias\w*|support\w*|opportunit\w*|hope\w*|visionary|champion\w*|promot\w*|believ\w*|in favou?r|users?|customers?|people|speaks? for|positive|growth|marketing|sales)\b/gi,
    react: [
      '{name} is right to bring up {phrase}, and I would go further.',
      'I like where {name} is heading with {phrase}.',
      'What {name} says about {phrase} strengthens the case.',
      'Yes, and {phrase}, as {name} puts it, is where this becomes interesting.',
      '{name} sees an obstacle in {phrase}; I see the reason to do it.',
      'Let me build on what {name} said about {phrase}.',
      'I share {name}’s concern about {phrase}, and I still come out in favour.',
      'With {phrase}, {name} has named the real opportunity.',
    ],
    read: [
      'That is a strong reason to move: {phrase} works in our favour.',
      'I read this as an invitation, because {phrase} is already within reach.',
      'The gain is concrete: with {phrase} we would start from something that exists.',
      'Few plans can point to something as tangible as {phrase}.',
      'To me {phrase} is the part that people will thank us for.',
      'It shows that {phrase} is not a wish but a description.',
      'Once {phrase} is in place, the rest follows more easily than it looks today.',
    ],
    close: [
      '{other}, what would you need in order to say yes?',
      'I would begin now and learn on the way.',
      'Waiting has a price too, and we should say it aloud.',
      'Let us take the first step and judge the second by it.',
      '{other}, would you join me if we kept it small at first?',
      'That is worth doing, and worth doing well.',
      'I suggest that we commit to it and name somebody who looks after it.',
    ],
  },
  analyst: {
    signs:
      /\b(?:analy\w*|data|evidence|numbers?|facts?|measur\w*|research\w*|scien\w*|statistic\w*|econom\w*|historian|scholar|precise|rigorous|logic\w*)\b/gi,
    react: [
      'Let me separate two things in what {name} said about {phrase}: the claim and the evidence.',
      '{name} mentions {phrase}; the question is how much of it we can show.',
      'On {phrase}, I can add something to what {name} said.',
      'There is a checkable statement in {name}’s remark about {phrase}.',
      'I would put {name}’s point about {phrase} a little differently.',
      'If we take {phrase} seriously, as {name} does, we should look at what is documented.',
      '{name} and I agree on {phrase} more than it may sound; we differ on what follows.',
      'To weigh {phrase}, which {name} raised, I went back to the source.',
    ],
    read: [
      'What matters here is {phrase}; everything else is commentary.',
      'From this I infer that {phrase} is the variable that decides the outcome.',
      'That is evidence about {phrase}, though it says nothing of causes.',
      'It narrows the question: we need to know {phrase}, and little else.',
      'Compared with what was said before, this makes {phrase} the firmer ground.',
      'I would treat {phrase} as known, and the rest as an estimate.',
      'The statement is specific about {phrase}, which makes it easy to verify.',
    ],
    close: [
      '{other}, which observation would distinguish your view from mine?',
      'I would measure that first and argue afterwards.',
      'That is as far as the material carries us.',
      'Let us keep the claim exactly as strong as this, and no stronger.',
      '{other}, do you read the passage the same way?',
      'My confidence is moderate, and I would raise it with one more source.',
      'The next useful step is to check this against a second case.',
    ],
  },
  builder: {
    signs:
      /\b(?:engineer\w*|build\w*|practic\w*|pragmati\w*|implement\w*|operat\w*|cost\w*|deliver\w*|ship\w*|plan\w*|architect\w*|develop\w*|product|maintain\w*|designer?)\b/gi,
    react: [
      'Let us make what {name} said about {phrase} concrete.',
      'To {name}’s point about {phrase}: I would ask who does it, and by when.',
      '{phrase}, as {name} describes it, can be built in small steps.',
      'I have one practical remark on {phrase}, which {name} brought up.',
      'If {name} is right about {phrase}, here is what it means for the work.',
      '{name}’s {phrase} is fine on paper; let us walk through a Tuesday with it.',
      'I would turn {name}’s thought about {phrase} into a rule that we can keep.',
      'Taking {phrase} from {name}, I see a first version that fits into a week.',
    ],
    read: [
      'In practice that means {phrase} comes first, and everything else queues behind it.',
      'So the work begins with {phrase}; the rest can stay as it is for a while.',
      'I would make {phrase} somebody’s job, or it will be nobody’s.',
      'That gives us a simple check: is {phrase} true today, yes or no?',
      'The cheap part is deciding; the part that takes time is {phrase}.',
      'A plan that ignores {phrase} would be rewritten within a month.',
      'I would start with the smallest thing that makes {phrase} visible.',
    ],
    close: [
      '{other}, what is the smallest version that you would accept?',
      'I can work with that.',
      'Let us agree on the first step and leave the second open.',
      'Give it an owner and a date, and we will see.',
      '{other}, would that hold up on a bad day?',
      'That would be done by the end of the month, with something to show.',
      'Once it runs, the argument will be easier to settle.',
    ],
  },
  mediator: {
    signs:
      /\b(?:moderat\w*|mediat\w*|facilitat\w*|summari\w*|neutral\w*|balanc\w*|consensus|host|chair\w*|judge|bridge|common ground|listen\w*)\b/gi,
    react: [
      'Let me hold on to what {name} said about {phrase} for a moment.',
      'I hear two things in {name}’s words about {phrase}: a worry and a proposal.',
      '{name} has moved us towards {phrase}, and that helps.',
      'Where {name} speaks of {phrase}, the others may mean the same by another name.',
      'Thank you, {name}; {phrase} deserves a closer look together.',
      'Between {name} and the rest of us, {phrase} seems to be the hinge.',
      'It may help to set {name}’s view of {phrase} beside the text.',
      '{name} raises {phrase}; I do not think that we are far apart on it.',
    ],
    read: [
      'Both sides can start from {phrase}, since neither disputes it.',
      'I notice that {phrase} appears in everybody’s argument, only with another sign.',
      'Seen this way, {phrase} is less a dividing line than a shared problem.',
      'That suggests a middle way: agree on {phrase}, and keep the rest under review.',
      'Perhaps {phrase} is what we should settle first, because it settles much else.',
      'Here the text is kinder to both views of {phrase} than we have been.',
      'If there is common ground, it lies close to {phrase}.',
    ],
    close: [
      '{other}, could you live with that?',
      'Shall we record that as agreed, and go on to what is not?',
      'I would like to hear the strongest objection next.',
      'Let us see whether that holds for everybody here.',
      '{other}, how would you put it in your own words?',
      'That leaves one question open, and it is a smaller one than before.',
      'We are closer than we were at the start.',
    ],
  },
};

export const FIRST = [
  'I would like to begin with {phrase}.',
  'Let me start from what we have in writing about {phrase}.',
  'The heart of the matter, as I see it, is {phrase}.',
  'To open this: {phrase} is where I would look first.',
  'Much depends on how we understand {phrase}, so I begin there.',
];

export const ANSWER = [
  'You ask about {phrase}; here is how I see it.',
  'On {phrase}, which {name} asks about, the material has something to say.',
  'I can answer {name} on {phrase}, at least in part.',
  'That question about {phrase} can be answered from what we have.',
  '{name} asks the right question about {phrase}.',
];

export const EVIDENCE = [
  '“{title}” puts it plainly: {quote}',
  'The text says: {quote}',
  'In “{title}” I read: {quote}',
  'Here is the passage that I have in mind: {quote}',
  'Consider this line from “{title}”: {quote}',
  'It is written down: {quote}',
  'I would point to one sentence: {quote}',
  'Look at how “{title}” words it: {quote}',
];

export const SECOND_EVIDENCE = [
  'And a little further on: {quote}',
  'It belongs together with this: {quote}',
  'The same text adds: {quote}',
  'Set beside it: {quote}',
  'That matches another line: {quote}',
];

/** When there is nothing (more) to quote. */
export const RECAP = [
  'We have now heard {phrase} from more than one side.',
  'I have no further passage to add on {phrase}, so let me say where I stand.',
  'The documents have given what they have on {phrase}; the rest is judgement.',
  'Without a source on {phrase}, I can only reason from what was said here.',
  'What was said about {phrase} is enough to draw a line under it.',
  'On {phrase} I would rather be clear than complete.',
  'Let me put {phrase} in one sentence, so that it can be disagreed with.',
];

/** Hands the word to one who may be called. */
export const HAND_OVER = [
  '@{other}, how do you see {phrase}?',
  'I would like to hear @{other} on {phrase}.',
  '@{other} knows more about {phrase} than I do: please go on.',
  'That is a question for @{other}.',
  '@{other}, would you take it from here?',
];

/** Says on which side of a debate one stands. */
export const FOR_SIDE = [
  'For {side}, that is what counts.',
  'This speaks for {side}.',
  'That is why I stand with {side}.',
  '{side} has the better answer to {phrase}.',
  'So I hold to {side}.',
];

/** What a judge says before the verdict. */
export const JUDGE = [
  'I have heard all sides, and it comes down to {phrase}.',
  'Weighing what was said, I find that {phrase} decides it.',
  'Both cases were made with care; the difference is {phrase}.',
  'What tips the scales for me is {phrase}.',
];
