import type { ComponentChildren } from 'preact';

function Icon({ children }: { readonly children: ComponentChildren }) {
  return (
    <svg
      viewBox="0 0 24 24"
      width="20"
      height="20"
      fill="none"
      stroke="currentColor"
      stroke-width="1.8"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}
export const MenuIcon = () => (
  <Icon>
    <path d="M4 7h16M4 12h16M4 17h10" />
  </Icon>
);
export const PlusIcon = () => (
  <Icon>
    <path d="M12 5v14M5 12h14" />
  </Icon>
);
export const SendIcon = () => (
  <Icon>
    <path d="M12 19V5M6 11l6-6 6 6" />
  </Icon>
);
export const ClipIcon = () => (
  <Icon>
    <path d="M20 11.500 12.300 19a5 5 0 0 1-7.100-7l7.800-7.800a3.400 3.400 0 0 1 4.800 4.800L10 16.700a1.700 1.700 0 0 1-2.400-2.400l7-7" />
  </Icon>
);
export const GalleryIcon = () => (
  <Icon>
    <rect x="3.500" y="4.500" width="17" height="15" rx="2.500" />
    <circle cx="9" cy="10" r="1.600" />
    <path d="m4 17 5-4 3.500 2.500L16 12l4.500 4" />
  </Icon>
);
export const SunIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="4" />
    <path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.600 5.600 7 7M17 17l1.400 1.400M5.600 18.400 7 17M17 7l1.400-1.400" />
  </Icon>
);
export const MoonIcon = () => (
  <Icon>
    <path d="M20 14.500A8 8 0 1 1 9.500 4a6.500 6.500 0 0 0 10.500 10.500z" />
  </Icon>
);
export const CloseIcon = () => (
  <Icon>
    <path d="m6 6 12 12M18 6 6 18" />
  </Icon>
);
export const ReplyIcon = () => (
  <Icon>
    <path d="M10 8 5 12.500 10 17M5.500 12.500H14a5 5 0 0 1 5 5V19" />
  </Icon>
);
export const CopyIcon = () => (
  <Icon>
    <rect x="9" y="9" width="11" height="11" rx="2" />
    <path d="M5 15V6a2 2 0 0 1 2-2h8" />
  </Icon>
);
export const DownloadIcon = () => (
  <Icon>
    <path d="M12 4v11M7.500 11 12 15.500 16.500 11M5 20h14" />
  </Icon>
);
