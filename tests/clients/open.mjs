// A browser without a window: opens a URL, signs johndoe in, and goes back to the application that waits there.
import { Browser } from './browser.mjs'

const url = process.argv[2]
const callback = new URL(url).searchParams.get('redirect_uri')
const back = await new Browser().open(url, callback)
await fetch(back)
