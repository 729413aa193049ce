/** The matrix. Nothing deeper in this folder is imported from outside. */
export { cellsOf, type MatrixCells } from './cells.ts';
export { pageOf } from './page.ts';
