import { eventContracts } from '../platform/events/contracts.ts';
import { type Command, EXIT } from './command.ts';
import { composed } from './openapi.ts';

/** Prints the files of `contracts/events` as one JSON object, by name. Needs no database. */
export const contracts: Command = async (io) => {
  const files = await composed(io.version, ({ eventTypes }) => eventContracts(eventTypes.all()));
  io.out(JSON.stringify(Object.fromEntries(files.map(({ file, schema }) => [file, schema]))));
  return EXIT.ok;
};
