/** REST APIs behind the gateway. Nothing deeper in this folder is imported from outside. */
export type { Api, ApiCatalogue, Operation } from './catalogue.ts';
export type { AnswerSink, ApiEnd, ApiRequest, FailureCode, Headers } from './connection.ts';
export { createHttpApis, type HttpApis } from './http-apis.ts';
export { readPath } from './path-template.ts';
export type { ReadRequest, RequestParts } from './plan.ts';
