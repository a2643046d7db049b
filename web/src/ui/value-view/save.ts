/** Hands a file to the person. */
export function saveBlob(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const a = document.createElement('a');
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export function saveText(text: string, name: string, type = 'text/plain'): void {
  saveBlob(new Blob([text], { type: `${type};charset=utf-8` }), name);
}

/** Base64 (also its URL alphabet) to bytes; text that is no base64 is taken as it stands. */
export function bytesOf(content: string): Uint8Array<ArrayBuffer> {
  const data = content.replace(/^data:[^,]*;base64,/, '').replace(/\s+/g, '');
  try {
    const binary = atob(data.replaceAll('-', '+').replaceAll('_', '/'));
    const out = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i++) out[i] = binary.charCodeAt(i);
    return out;
  } catch {
    return new TextEncoder().encode(content);
  }
}
