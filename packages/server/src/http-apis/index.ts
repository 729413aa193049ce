/** REST APIs behind the gateway. Nothing deeper in this folder is imported from outside. */
export type { Api, Operation } from './catalogue.ts';
export type { AnswerSink, ApiEnd, FailureCode, Headers } from './connection.ts';
export { discoveredBy, httpApiType, httpDefinitionType } from './controlled.ts';
export { createHttpApis, type HttpApis } from './http-apis.ts';
export { readPath } from './path-template.ts';
export type { ReadRequest } from './plan.ts';
