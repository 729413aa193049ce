/** One JSON-RPC message out of a parsed body. Batches were removed from the protocol in 2025-06-18 and are refused in every era. */
import type { JsonObject, JsonValue } from '@hivekey/policy';
import { CODE, isObject, type RequestId, type RpcError } from './wire.ts';

const NO_PARAMS: JsonObject = Object.freeze({});

export interface RequestMessage {
  readonly kind: 'request';
  readonly id: RequestId;
  readonly method: string;
  readonly params: JsonObject;
}

export interface NotificationMessage {
  readonly kind: 'notification';
  readonly method: string;
  readonly params: JsonObject;
}

/** The client's answer to a request of an upstream. */
export interface ResponseMessage {
  readonly kind: 'response';
  readonly id: RequestId;
  readonly answer: { readonly result: JsonObject } | { readonly error: RpcError };
}

interface InvalidMessage {
  readonly kind: 'invalid';
  readonly error: RpcError;
  readonly id?: RequestId;
}

export type Message = RequestMessage | NotificationMessage | ResponseMessage | InvalidMessage;

function invalid(message: string, id?: RequestId): InvalidMessage {
  const error = { code: CODE.invalidRequest, message: `Invalid Request: ${message}` };
  return id === undefined ? { kind: 'invalid', error } : { kind: 'invalid', error, id };
}

function isRequestId(value: JsonValue | undefined): value is RequestId {
  return typeof value === 'string' || (typeof value === 'number' && Number.isInteger(value));
}

export function readMessage(body: JsonValue): Message {
  if (Array.isArray(body)) return invalid('JSON-RPC batches are not accepted; send one message per request');
  if (!isObject(body)) return invalid('the body is not a JSON-RPC message');
  const { jsonrpc, id, method, params } = body;
  if (jsonrpc !== '2.0') return invalid('jsonrpc must be "2.0"');
  if (id !== undefined && !isRequestId(id)) return invalid('id must be a string or an integer');
  if (method === undefined) return readResponse(body, id);
  if (typeof method !== 'string' || method === '') return invalid('method must be a string', id);
  if (params !== undefined && !isObject(params)) return invalid('params must be an object', id);
  if (body.result !== undefined || body.error !== undefined)
    return invalid('a message is either a request or a response', id);
  if (id === undefined) return { kind: 'notification', method, params: params ?? NO_PARAMS };
  return { kind: 'request', id, method, params: params ?? NO_PARAMS };
}

function readResponse(body: JsonObject, id: RequestId | undefined): Message {
  const { result, error } = body;
  if (id === undefined) return invalid('neither a request nor a response');
  if (result !== undefined && error === undefined && isObject(result))
    return { kind: 'response', id, answer: { result } };
  if (result === undefined && isObject(error)) {
    const { code, message, data } = error;
    if (typeof code === 'number' && Number.isInteger(code) && typeof message === 'string')
      return {
        kind: 'response',
        id,
        answer: { error: data === undefined ? { code, message } : { code, message, data } },
      };
  }
  return invalid('neither a request nor a response');
}
