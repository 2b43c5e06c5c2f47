/** Why a backup is not made or not taken back; each message says what to do. */
export class BackupError extends Error {
  readonly code:
    | 'E_BACKUP_FOLDER'
    | 'E_BACKUP_EXISTS'
    | 'E_BACKUP_LINK'
    | 'E_BACKUP_TOO_LARGE'
    | 'E_BACKUP_BROKEN'
    | 'E_BACKUP_PASSPHRASE'
    | 'E_BACKUP_OTHER_SITE'
    | 'E_BACKUP_STORE_THERE';
  constructor(code: BackupError['code'], message: string) {
    super(message);
    this.code = code;
  }
}
