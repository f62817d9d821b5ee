/** NetSuite's module loader. */
declare function define(dependencies: string[], factory: (...modules: any[]) => any): void;
