/** An error as OpenAI's clients know it; `param` names the field. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly param: string | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    what: { code: string; message: string; param?: string; headers?: Record<string, string> },
  ) {
    super(what.message);
    this.status = status;
    this.code = what.code;
    this.param = what.param ?? null;
    this.headers = what.headers ?? {};
  }

  /** The body that tells it. */
  get body(): { error: { message: string; type: string; param: string | null; code: string } } {
    const type =
      this.status >= 500 ? 'server_error' : this.status === 429 ? 'rate_limit_error' : 'invalid_request_error';
    return { error: { message: this.message, type, param: this.param, code: this.code } };
  }
}

/** A field that does not keep to a rule. */
export const fault = (param: string, rule: string, code = 'invalid_value'): ApiError =>
  new ApiError(400, { code, param, message: `${param} ${rule}.` });
