import assert from 'node:assert/strict';
import { becomes } from '../support.ts';
import { PERSON, type Say, type Stage } from './stage.ts';

/** Before anybody is signed in: the three doors, what they refuse, and the way in. */
export function doorStories(say: Say, stage: () => Stage): void {
  say('the sign-in says what is missing, and lets nobody in by a wrong password', async () => {
    const { page, open, portrayAt } = stage();
    await open('/agents?archived=true');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('This is not an email address yet.').waitFor();
    await page.getByText('Enter your password.').waitFor();
    await page.getByLabel('Email').fill(PERSON.email);
    await page.getByLabel('Password').fill('a short walk to the harbour');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('The email or the password is wrong.').waitFor();
    await portrayAt('sign-in');
  });

  say('the sign-up counts what a password still needs; an invitation without its token says so', async () => {
    const { page, open, portray } = stage();
    await page.getByRole('link', { name: 'Make an account' }).click();
    await page.getByLabel('Password').fill('harbour');
    await page.getByRole('button', { name: 'Make the account' }).click();
    await page.getByText('3 more characters.').waitFor();
    await page.getByText('What should the others call you?').waitFor();
    await portray('sign-up');
    await open('/invitation');
    await page.getByText('This link is not whole: it holds no invitation.').waitFor();
    assert(await page.getByRole('button', { name: 'Join' }).isDisabled());
    await portray('invitation');
  });

  say('who signs in is led to where they wanted to go', async () => {
    const { page, open, url } = stage();
    await open('/settings/usage');
    await page.getByLabel('Email').fill(PERSON.email);
    await page.getByLabel('Password').fill(PERSON.password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Settings' }).waitFor();
    await becomes('the address', async () => page.url(), `${url}/settings/usage`);
    await page.getByText('Nothing has been asked yet').waitFor();
  });
}
