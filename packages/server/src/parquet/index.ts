/** Entries of the log as Parquet: one column for each field of the flat view. Nothing deeper in this folder is imported from outside. */
export { type Column, LOG_COLUMNS } from './columns.ts';
export { ParquetFile } from './parquet-file.ts';
