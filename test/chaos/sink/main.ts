/**
 * The effect sink: what the installation does to the outside world, in a process of its own that nothing kills. A payment
 * service and a receiver of webhooks, both on a bad day (by seed), and the ledger of what reached them. Started by
 * `sink.ts`; ends with its parent.
 */
import { pick, type Random, seededRandom } from '../../../src/modules/models/rehearsal/random.ts';
import { type Behaviour, PaymentStandIn } from '../../support/payments.ts';
import type { Answer, Ledger, Listening, Question } from './ledger.ts';
import { Receiver } from './receiver.ts';

/** Books and says nothing, says nonsense, refuses, keeps one waiting. */
function badDay(random: Random): () => Behaviour {
  return () => {
    const luck = random();
    const booked = random() < 0.5;
    if (luck < 0.05) return { does: 'cut', booked };
    if (luck < 0.1) return { does: 'error', status: pick(random, [500, 503]), booked };
    if (luck < 0.13) return { does: 'garbage', booked };
    if (luck < 0.14) return { does: 'hang', booked };
    if (luck < 0.2) return { does: 'answer', status: 'failed', reason: 'no money' };
    return { does: 'answer', afterMs: random() * 100 };
  };
}

const seed = Number(process.argv[2]);
const payments = await PaymentStandIn.start();
payments.script(badDay(seededRandom(seed)));
const receiver = new Receiver(seededRandom(seed + 1));

function ledger(): Ledger {
  const orders = new Set(payments.asked.flatMap(({ body }) => body.order_id ?? []));
  return {
    asked: payments.asked.length,
    payments: [...orders].flatMap((orderId) => payments.paymentsOf(orderId)),
    deliveries: receiver.deliveries,
  };
}

function answer(question: Question): Answer {
  const { number } = question;
  if (question.ask === 'expect') receiver.expect(question.hook, question.secret);
  else if (question.ask === 'ledger') return { number, ledger: ledger() };
  else {
    payments.script({ does: 'answer' });
    receiver.bad = false;
  }
  return { number };
}

process.on('message', (question: Question) => process.send?.(answer(question)));
process.once('disconnect', () => process.exit());
process.send?.({ payment: payments.env, hooksUrl: await receiver.start() } satisfies Listening);
