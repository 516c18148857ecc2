/** Settings of the mock: flags of `neonbench serve`. */
export interface Settings {
  /** Name of a built-in or a file; `unlimited` by default. */
  profile?: string;
  dataset?: string;
  plan?: string;
  scenario?: string;
  /** Number of accounts. */
  resources?: number;
  mappings?: number;
  seed?: number;
  orgId?: string;
  apiKey?: string;
}

/** A call that the mock served. */
export interface Call {
  verb: string;
  path: string;
  query: string | null;
  body: unknown;
  error: unknown;
  /** Null if the client got no answer. */
  status: number | null;
  at_ns: number;
  drawn_ns: number | null;
  served_ns: number;
}

/** Calls as the mock counted them. */
export interface Counters {
  total: number;
  rejected: number;
  failed: number;
  unauthorized: number;
  undecodable: number;
  in_flight: number;
  calls: Record<string, { admitted: number; rejected: number; failed: number }>;
}

/** A rule for calls that fail, as `[[faults]]` of a profile. */
export interface Fault {
  kind?: string;
  kinds?: string[];
  status?: number;
  share?: number;
  first?: number;
  every?: number;
  endpoints?: string[];
  classes?: string[];
  from?: string;
  until?: string;
  records?: number[];
  poison?: number;
  burst?: number;
}

/** A mock that runs. */
export interface Mock {
  /** Address for clients: `http://127.0.0.1:PORT/v2`. */
  readonly baseUrl: string;
  readonly adminUrl: string;
  readonly adminToken: string;
  readonly orgId: string;
  readonly apiKey: string;
  readonly pid: number;
  /** Stops it; calls in flight are cut. */
  stop(): Promise<void>;
  /** The latest calls, oldest first; at most 1,000. */
  calls(): Promise<Call[]>;
  counters(): Promise<Counters>;
  /** The same values, the same digest. */
  stateDigest(): Promise<string>;
  /** Fails the next calls: statuses such as 503, or kinds such as "timeout" and "reset-before". */
  failNext(...ways: (number | string)[]): Promise<void>;
  /** Fails calls by rule. */
  fail(rule: Fault): Promise<void>;
  setProfile(name: string): Promise<void>;
  /** All as at the start, or as another seed makes it. */
  reset(seed?: number): Promise<void>;
  snapshot(name?: string): Promise<void>;
  restore(name?: string): Promise<void>;
}

/** Starts a mock on a free port; it answers once the promise is fulfilled. */
export function start(settings?: Settings): Promise<Mock>;

/** Path of the binary. */
export function binary(): string;
