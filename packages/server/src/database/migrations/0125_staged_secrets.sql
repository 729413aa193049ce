-- A staged version changes nothing that is in use: nobody need hear of it.

DROP TRIGGER secret_changed ON upstream_secrets;
CREATE TRIGGER secret_changed AFTER INSERT ON upstream_secrets
  FOR EACH ROW WHEN (NEW.state <> 'staged') EXECUTE FUNCTION notify_secret_changed();
