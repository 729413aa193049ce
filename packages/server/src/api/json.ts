/** JSON as a schema. It is registered by name, since what refers to itself cannot stand in the document without one. */
import { z } from 'zod';

export const jsonValue = z.json();
z.globalRegistry.add(jsonValue, { id: 'Json', description: 'Any JSON value.' });

export const jsonObject = z.record(z.string(), jsonValue);
