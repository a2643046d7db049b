import { Button } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { bytesText } from './json';
import classes from './value-view.module.css';

/** A value too large for the page: how large, how it begins, and where to have it whole. */
export function BigValue({
  text,
  size,
  label,
  fileName,
  downloadUrl,
}: {
  text: string;
  size: number | undefined;
  label: string;
  fileName: string;
  downloadUrl: string;
}) {
  return (
    <div className={classes.column}>
      <div className={classes.big}>
        <div>
          <strong>{size === undefined ? 'More than 2 MB' : bytesText(size)}</strong>
          <div className="quiet">Too large to show here. This is how it begins.</div>
        </div>
        <span className={classes.spring} />
        <Button
          component="a"
          href={downloadUrl}
          download={`${fileName}.json`}
          leftSection={<IconDownload size={15} aria-hidden />}
        >
          Download
        </Button>
      </div>
      <pre className={`${classes.text} ${classes.scroll}`} tabIndex={0} aria-label={`${label}, its beginning`}>
        {text.slice(0, 20_000)}…
      </pre>
    </div>
  );
}
