-- See what others have committed while this transaction waited for the lock.
SET TRANSACTION ISOLATION LEVEL READ COMMITTED
