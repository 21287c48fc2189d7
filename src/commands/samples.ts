import type { App } from '../app.ts';

type NewAgent = Parameters<App['agents']['create']>[1];
type NewDocument = Parameters<App['knowledge']['create']>[1];
type NewProduct = Parameters<App['catalog']['create']>[1];

/** Three voices that disagree on purpose. Without a model of their own they take the tenant's default. */
export const SAMPLE_AGENTS: readonly NewAgent[] = [
  {
    name: 'ada',
    instructions:
      'You are Ada, an engineer. You ask what must be true for a plan to work, and name the riskiest assumption first. ' +
      'Quote the document where it decides a question. Two or three sentences a turn.',
  },
  {
    name: 'grace',
    instructions:
      'You are Grace, who speaks for the people who will use this. You bring every point back to what somebody sees and ' +
      'does, and you disagree politely when a proposal forgets them. Two or three sentences a turn.',
  },
  {
    name: 'linus',
    instructions:
      'You are Linus, a sceptic who has to run the result. You look for what breaks at night, prefer the smaller change, ' +
      'and say plainly when a point has been settled. Two or three sentences a turn.',
  },
];

/** Something to talk about: short, with facts that can be quoted and a question that is open. */
export const SAMPLE_DOCUMENT: NewDocument = {
  title: 'Opening hours of the city library',
  text: `# Proposal: longer opening hours for the city library

## What is asked for
The library shall open from 8:00 to 22:00 on working days, instead of 10:00 to 18:00, and on Sundays from 12:00 to 18:00. The trial shall last six months and begin in March.

## Why
A survey of 1,240 visitors last autumn found that 61 percent would come more often in the evening. Students named the closing time as their main reason to study elsewhere. On Sundays the neighbouring café counts 300 guests, many of them with books from the library.

## What it costs
Eight more hours a day need four more people, or 190,000 euros a year. Heating and light add 22,000 euros. The trial's half year is budgeted at 106,000 euros. Self-service after 18:00, with one guard and no librarian, would halve the cost of staff.

## What speaks against it
The staff council asks that nobody works two late evenings in a row. A branch that tried self-service lost 212 books in its first year, and three in its second, after gates had been put up. Neighbours worry about noise in the courtyard after 20:00.

## Open questions
Should the evening be staffed or self-service? Which numbers would make the trial a success? Who decides, and when, whether it goes on?
`,
};

/** Something to sell: plenty of one thing, little of another, and one that is sold out. */
export const SAMPLE_PRODUCTS: readonly NewProduct[] = [
  {
    name: 'Darjeeling, first flush, 250 g',
    sku: 'TEA-DAR-250',
    description: 'Light and flowery. Picked in March.',
    price: { amount: 1_490, currency: 'EUR' },
    stock: 120,
    attributes: { origin: 'India', grams: 250, organic: true },
  },
  {
    name: 'Sencha, 100 g',
    sku: 'TEA-SEN-100',
    description: 'Steamed green tea; water at 70 degrees.',
    price: { amount: 890, currency: 'EUR' },
    stock: 40,
    attributes: { origin: 'Japan', grams: 100, organic: false },
  },
  {
    name: 'Teapot of cast iron, 0.8 l',
    sku: 'POT-IRON-08',
    description: 'Keeps tea warm for an hour. Handmade, so there are few.',
    price: { amount: 8_900, currency: 'EUR' },
    stock: 3,
    attributes: { litres: 0.8, colour: 'black' },
  },
  {
    name: 'Bamboo whisk',
    sku: 'WHISK-80',
    description: 'Eighty prongs, for matcha. Sold out until the next ship.',
    price: { amount: 1_950, currency: 'EUR' },
    stock: 0,
    attributes: { prongs: 80 },
  },
];
