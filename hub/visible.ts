/** What a remote host wrote, for a terminal: no control, escape or direction characters. */
export const visible = (text: string): string => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '�');
