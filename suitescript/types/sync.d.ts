// What travels between the hub and the RESTlets (shared/src/netsuite/wire.rs is the other end), and the shapes of our
// own modules, which AMD does not tell the type checker.

type NRecord = import('N/record').Record;

type Kind = 'boolean' | 'integer' | 'decimal' | 'date' | 'datetime' | 'set' | 'text';
type WireLine = Record<string, any>;
type Wire = string | number | boolean | null | string[] | WireLine[] | undefined;

type Verb = 'create' | 'update' | 'delete';
type What =
    | 'applied' | 'already_applied' | 'found' | 'mismatch' | 'twins' | 'deleted' | 'missing' | 'refused' | 'not_attempted';

interface Write {
    operation: string;
    verb: Verb;
    type: string;
    id?: string;
    externalId?: string;
    unless?: { keys: Record<string, Wire>[]; except?: string[] };
    expected: Record<string, Wire>;
    values: Record<string, Wire>;
    fields: string[];
}
interface Read {
    type: string;
    id?: string;
    externalId?: string;
    operations?: string[];
    fields: string[];
}
type Asked = { type: string; fields: string[] };
type Call =
    | { action: 'apply'; writes: Write[] }
    | { action: 'read'; reads: Read[] }
    | { action: 'probe'; types?: Asked[] };

interface Refusal { code: string; message: string; field?: string }
interface Outcome {
    outcome: What;
    id?: string;
    externalId?: string;
    lastModified?: string;
    values?: Record<string, Wire>;
    held?: Record<string, Record<string, Wire>>;
    twins?: Outcome[];
    error?: Refusal;
}
interface Answer { results: Outcome[]; remainingUsage: number }
type ProbedType =
    | { type: string; visible: Record<string, string | Record<string, string>>; hidden: string[] }
    | { type: string; error: Refusal };
interface ProbeAnswer {
    timeZone: string;
    dateFormat: string;
    timeFormat: string;
    now: string;
    features: Record<string, boolean>;
    types: ProbedType[];
    remainingUsage: number;
}

interface Delta { changes: Record<string, Wire>; previous: Record<string, Wire> }
interface SyncEvent {
    eventId: string;
    accountId: string;
    recordType: string;
    recordId: string;
    source: string;
    operation: string;
    timestamp: string;
    revision?: string;
    payload: Delta;
    metadata: { context: string; operation?: string };
    authContext: { actor: string };
    externalId?: string;
}
interface Sent { outcome: 'taken' | 'refused' | 'failed'; status?: number; error?: string }
interface Drained { taken: number; refused: number; failed: number }
interface Waiting { id: string; about: string }
interface IngestSettings { url: string; keyId: string }

interface Sublist { id: string; key: string | null; external: string | null; columns: string[] }
interface SurfaceType { type: string; fields: string[]; sublists: Sublist[] }
type Surface = Record<string, SurfaceType>;

type Found =
    | { what: 'found'; record: NRecord }
    | { what: 'deleted'; id?: string; externalId?: string; at?: string }
    | { what: 'missing'; id?: undefined; externalId?: undefined; at?: undefined };
interface Operation { row?: string; type: string; id: string; held?: Record<string, Wire> }
interface Budget { allowsMore(): boolean; remaining(): number }

interface SaveContext {
    newRecord: NRecord;
    oldRecord: NRecord | null;
    type: string;
    UserEventType: { CREATE: string; EDIT: string; XEDIT: string; DELETE: string };
}
interface MapContext { value: string; write(pair: { key: string; value: string }): void }
interface ReduceContext { key: string; values: string[] }
interface Errors { errors: { iterator(): { each(visit: (key: string, error: string) => boolean): void } } }
interface SummaryContext { inputSummary: { error?: string }; mapSummary: Errors; reduceSummary: Errors }

interface DecimalModule {
    text(value: unknown): string | undefined;
    equal(held: unknown, wanted: unknown): boolean;
}
interface RefusalModule {
    Refused: new (code: string, message: string, field?: string) => Error;
    of(caught: unknown, field?: string): Refusal;
    isMissing(caught: unknown): boolean;
    isCollision(caught: unknown): boolean;
}
interface ValuesModule {
    read(type: string, raw: unknown): Wire;
    write(type: string, wire: Wire, field: string): any;
    same(type: string, held: Wire, wire: Wire): boolean;
}
interface LinesModule {
    read(record: NRecord, sublist: Sublist): WireLine[] | null | undefined;
    same(record: NRecord, sublist: Sublist, wire: Wire): boolean;
    write(record: NRecord, sublist: Sublist, wire: Wire): void;
}
interface FieldsModule {
    show(record: NRecord, names: string[], like?: NRecord): Record<string, Wire>;
    differ(record: NRecord, expected: Record<string, Wire>, wanted: Record<string, Wire>): boolean;
    set(record: NRecord, wanted: Record<string, Wire>): boolean;
    labelled(record: NRecord, names: string[], label: string): string | undefined;
    typeOf(record: NRecord, name: string): string | undefined;
}
interface StampModule {
    of(record: NRecord): string | undefined;
    set(record: NRecord, operation: string): void;
}
interface RevisionModule {
    of(record: NRecord): string | undefined;
    now(): string;
    ago(age: number): string;
    seconds(iso: string): string;
}
interface DeletionsModule {
    byId(type: string, id: string): Found;
    byExternalId(type: string, externalId: string): Found;
}
interface RecordsModule {
    find(type: string, by: { id?: string; externalId?: string }): Found;
    idOf(type: string, externalId: string): string | undefined;
}
interface OperationsModule {
    find(operations: string[]): Map<string, Operation>;
    held(operation: Operation): Record<string, Wire>;
    remember(operation: string, done: { type: string; id: string; held?: Record<string, Wire> }): Operation;
    forgetOld(): number;
}
interface OutcomeModule {
    seen(outcome: What, record: NRecord, names: string[]): Outcome;
    gone(outcome: What, deletion?: { id?: string; externalId?: string; at?: string }): Outcome;
    refused(caught: unknown, record?: NRecord, names?: string[]): Outcome;
}
interface TwinsModule { of(write: Write, made: NRecord): Outcome[] }
interface BudgetModule { begin(): Budget }
interface CallModule { parse(body: unknown): Call }
interface ApplyModule { apply(writes: Write[], allowance: Budget): Outcome[] }
interface ReadModule { read(reads: Read[], allowance: Budget): Outcome[] }
interface ProbeModule { probe(types?: Asked[]): Omit<ProbeAnswer, 'remainingUsage'> }
interface DeltaModule {
    between(before: NRecord, after: NRecord, names: string[]): Delta;
    filled(record: NRecord, names: string[]): Record<string, Wire>;
}
interface EventModule { of(context: SaveContext, accountId: string): SyncEvent | undefined }
interface IngestModule {
    send(event: SyncEvent, settings: IngestSettings, attempt?: number): Sent;
    sign(id: string, seconds: number, body: string): string;
}
interface OutboxModule {
    put(event: SyncEvent, error?: string): void;
    waiting(): Waiting[];
    drain(ids: string[], settings: IngestSettings, allowance: Budget): Drained;
}
interface SettingsModule {
    ingest(script: 'event' | 'outbox'): IngestSettings;
    userEvent(): { mode: string; accountId: string };
}
